"""Durable streams over an at-most-once channel layer.

A stream is an ordered log with a dense seq, kept in the database. This package
knows how to follow one, to repair what a lost push left out and to reach every
socket of every process; what the streams are about is the apps' business. Nothing
outside this package touches the channel layer.
"""
