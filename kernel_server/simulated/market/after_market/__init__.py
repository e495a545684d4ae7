"""The after-market (애프터마켓): continuous trading after the regular session, since 2026-09-14."""
