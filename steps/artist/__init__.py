"""ARTIST: text images and composites, a text module, visual modules with and without it, and what is read on theirs."""
