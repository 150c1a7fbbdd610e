"""Reads films from files and folders, and writes them with their sound, timing and colour settings."""
