"""The `igr` command: one file per verb, each thin over `igr_suite.lab` and `igr_suite.data`."""
