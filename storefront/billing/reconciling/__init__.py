"""Finishing by itself what a crash, a silence or a lost message left open, and saying what needs a person."""
