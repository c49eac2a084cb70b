"""Every page of a running site with sample data, for checks, measurements and screenshots."""
