"""The `igr` command: one file a verb, each thin over `igr_suite.experiments` and `igr_suite.data`."""
