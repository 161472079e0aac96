// Package codebuild is AWS CodeBuild: projects as resources, builds over the JSON API, a queue with limits, and builds
// that really run, phase by phase, in a container of the sandbox, as the project's role and in simulated time.
//
// The commands run one by one in one shell session (working directory and variables persist, as in buildspec version
// 0.2); their output goes to CloudWatch Logs as the role, in CodeBuild's own form. What differs from AWS on purpose is
// marked in the case tables of the tests.
package codebuild
