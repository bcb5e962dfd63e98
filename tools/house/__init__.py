"""The drawing of the house: its rooms, who imports whom, and whether the rule of imports holds. ``./dev house`` prints it."""
