"""For testers, under `/_sandbox/`: what the sandbox knows and can be told, as pages for people and as JSON for programs."""
