"""Pictures of products that never were, drawn from formulas: what a new installation shows first.

The same code draws the same pixels each time, so nothing here is anybody's photo. Coordinates are
those of the frame: x to the right, y down, the shorter side from -1 to 1.
"""
