
.PHONY: verify-migrations
verify-migrations: ## apply all migrations on a PostgreSQL of our own, as owner and as deployer
	lockgate verify
