// Package sandbox runs the containers in which a rehearsal's builds happen. Together they are a small network of its own:
//
//	gateway    answers AWS's host names with its own address, and forwards what comes to it into the engine's sockets
//	engine     a docker daemon for builds, unprivileged, with BuildKit's image loaded
//	build-*    one container per build, like CodeBuild's: bash, git, aws, docker and the daemon's socket
//
// So ECR's, STS's and S3's real names work unchanged inside, and nothing there can reach the real AWS. The host's own
// docker daemon runs these containers and is never given to a build. Everything is labelled with the id of the state
// folder that it belongs to; Stop and Sweep find it by that label.
package sandbox
