"""I'mport's contract: what every reply of its REST operations looks like, and the checks that hold replies against it."""
