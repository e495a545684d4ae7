"""Trading outside the regular session: 시간외종가 and 시간외 단일가."""
