// Package rehearsals holds no code: its tests run the command on real CDK apps, end to end, as a user would, and look
// at what came out: exit codes, sentences, and the bytes in the registry.
package rehearsals
