help up down setup-env db-shell db-backup db-restore db-list db-verify db-prune db-reset db-migrate setup-openfga test-auth:: ; @cargo xtask $@ $(if $(filter command,$(origin ARGS)),$(ARGS))
