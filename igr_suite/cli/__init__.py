"""The `igr` command: one file a verb, each thin over `igr_suite.lab` and `igr_suite.data`."""
