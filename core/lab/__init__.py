"""The warm worker behind the live preview: one process per framework and home, asked through ``core.lab.client``."""
