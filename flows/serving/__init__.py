"""Running it as a service: servers, work pools, workers and the folders that deployed runs work in."""
