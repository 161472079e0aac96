// Package house holds no code: its tests are the rules of the house, for both modules. What may import what, how long
// a function may be, and that everything exported is explained.
package house
