// Package door is the engine's one entrance. Every AWS call comes in here, over HTTP or from inside the engine: it is
// checked for a valid signature, brought to its session, decided by IAM, handed to its room, and answered in the
// shape of its protocol. Hosts that are no AWS API (image registries) are handed on before all that.
package door
