"""Reports for people as files of their own: pages that need no network and run no script.

Geometry is computed here, in Python, and tested as numbers; templates only write it down.
"""
