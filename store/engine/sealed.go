package engine

// Sealed is a column whose values are sealed, and how to find what each of them is tied to.
type Sealed struct {
	Table, Column string
	// Key is the table's primary key, texts all of them; Beside is what else AAD needs, answered as "" where it is NULL.
	Key, Beside []string
	// AAD is the associated data of a value, from the columns of Key and Beside in their order.
	AAD func(v []string) []byte
}
