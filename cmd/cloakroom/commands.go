package main

import (
	"github.com/spf13/cobra"

	"cloakroom/config"
)

// commands is the table of commands (contract, section 2).
func (p *program) commands() []*cobra.Command {
	return []*cobra.Command{
		p.serveCommand(),
		p.demoCommand(),
		p.applyCommand(),
		p.exportCommand(),
		p.migrateCommand(),
		p.apikeyCommand(),
		p.operatorCommand(),
		p.keysCommand(),
		p.backupCommand(),
		p.doctorCommand(),
		p.explainCommand(),
		p.versionCommand(),
	}
}

// withSettings gives a command the flags of every setting, and --config.
func withSettings(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().String("config", "", "read settings from this YAML `FILE` (or CLOAKROOM_CONFIG)")
	config.Flags(cmd.Flags())
	return cmd
}

// settings reads the settings of a command made by withSettings.
func (p *program) settings(cmd *cobra.Command) (*config.Config, error) {
	file, err := cmd.Flags().GetString("config")
	if err != nil {
		return nil, err
	}
	return config.Load(cmd.Flags(), p.env, file)
}
