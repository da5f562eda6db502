"""One root cause a file: `Leaky` has the flaw, `Mended` is the same code without it."""
