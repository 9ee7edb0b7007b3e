"""Staff: the people who work with the service, their roles, their sign-ins and sessions."""
