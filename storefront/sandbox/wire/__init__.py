"""How i'mport speaks: parameters as clients send them, refusals in its words, objects with every field, lists in pages."""
