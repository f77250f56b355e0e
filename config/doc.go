// Package config reads the settings of the process: flags win over environment over file over defaults. What describes
// realms, connections and clients is not here but in the database.
//
// Every fault is found in one pass and named in each of the setting's spellings; a program with a fault in its settings
// does not start. A secret's value is never part of a message.
package config
