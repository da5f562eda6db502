"""The door through which pytest comes in. Imports nothing of ours until it is asked to do something."""
