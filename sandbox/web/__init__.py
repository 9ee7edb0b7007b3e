"""The practice bank's door: a control API for programs, pages for people."""
