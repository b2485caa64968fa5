"""Work that outlives a page: the store, the engine that starts job processes, and what runs inside them."""
