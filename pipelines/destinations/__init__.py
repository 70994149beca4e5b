"""Where endpoints go: a narrow protocol, its implementations, and the machinery that sends."""
