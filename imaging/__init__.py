"""The imaging room: a photo and a recipe in, a packshot and what was decided out; no other I/O."""
