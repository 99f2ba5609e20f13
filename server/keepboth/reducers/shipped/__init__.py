"""Questions that many ask: one module each, found by name (see `keepboth.reducers.loading`)."""
