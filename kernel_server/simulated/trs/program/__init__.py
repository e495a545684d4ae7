"""TRs about program trading (프로그램매매)."""
