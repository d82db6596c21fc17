"""Procedural furniture: labeled by construction, seeded per object, meter-like units, y up, front facing +z."""
