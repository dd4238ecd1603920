"""The reference of an Amazon bridge (docs/bridge.md), with a little shop of its own behind it.

Standard library only: a merchant copies this folder and runs it with any Python from 3.11 on.
"""
