help up down setup-env db-shell db-backup db-list:: ; @cargo xtask $@ $(if $(filter command,$(origin ARGS)),$(ARGS))
