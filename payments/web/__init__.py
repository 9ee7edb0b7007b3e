"""The web edge: pages for citizens and clerks, the portals' API, callbacks of banks.

The kit (`kit`, `problems`, `headers`, `i18n`, `access`, `json_provider`, `bodies`, `paging`,
`schemas`, the templates and static files) is open to reconciliation; the pages are not.
"""
