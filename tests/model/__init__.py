"""A model of everything that can happen, played in any order."""
