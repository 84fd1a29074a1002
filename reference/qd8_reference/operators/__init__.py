"""The operators, one a file. Their public names are those of ``qd8_reference``."""
