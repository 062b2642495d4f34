help up down setup-env db-shell db-backup db-restore db-list db-verify db-prune db-migrate setup-openfga test-auth health-check:: ; @cargo xtask $@ $(if $(filter command,$(origin ARGS)),$(ARGS))
