"""Updates of the daily bars of a whole market, with the quotes of a hundred issues a TR."""
