"""What every job stands on: errors, settings, the engines and their session, files at an address."""
