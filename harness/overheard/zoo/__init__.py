"""Agents of known truth: leaky ones with one flaw each, their mended twins, correct ones, vacuous ones."""
