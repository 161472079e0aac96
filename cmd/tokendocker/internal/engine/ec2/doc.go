// Package ec2 is the virtual network of Amazon EC2: VPCs, subnets, routes, gateways, security groups and endpoints, and
// the network interfaces that other services put into them. It knows what is connected to what, and how long that takes
// to make; no packet runs through it.
//
// Identifiers that no stack of the engine made count as resources of the account that are there: a rehearsal has no
// account to ask.
//
// Sources: Amazon VPC User Guide; Amazon EC2 API Reference, "Error codes for the Amazon EC2 API"; AWS CloudFormation
// Template Reference, the types AWS::EC2.
package ec2
