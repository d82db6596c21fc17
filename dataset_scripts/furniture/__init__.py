"""Procedural furniture: labelled by construction, seeded per object, metre-like units, y up, front facing +z."""
