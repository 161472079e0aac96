package ec2

// Names of kinds, as they stand in ARNs where they have some.
const (
	kindVPC         = "vpc"
	kindBlock       = "vpc-cidr-block"
	kindSubnet      = "subnet"
	kindTable       = "route-table"
	kindAssociation = "route-table-association"
	kindRoute       = "route"
	kindInternet    = "internet-gateway"
	kindAttachment  = "gateway-attachment"
	kindAddress     = "elastic-ip"
	kindNAT         = "natgateway"
	kindGroup       = "security-group"
	kindIngress     = "security-group-ingress"
	kindEgress      = "security-group-egress"
	kindEndpoint    = "vpc-endpoint"
	kindFlowLog     = "vpc-flow-log"
	kindInterface   = "network-interface"
)

// kind is what is special about one type of resource.
// Sources: AWS CloudFormation Template Reference, the types' "Update requires" and "Return values".
type kind struct {
	name       string
	prefix     string                            // of identifiers
	id         func(thing) string                // the identifier, where the thing itself says it
	fixed      []string                          // properties whose change makes another resource
	slow       func(thing) bool                  // it takes time to make
	check      func(*Room, thing) error          // whether it may be made
	made       func(*Room, thing) []thing        // what comes with it
	remade     bool                              // a change makes that anew
	busy       func(*Room, thing) error          // why it cannot be deleted
	ref        func(thing) string                // what Ref gives; nil: the identifier
	attributes func(*Room, thing) map[string]any // what Fn::GetAtt gives beside Id
}

// parts returns what comes with a thing.
func (k kind) parts(r *Room, t thing) []thing {
	if k.made == nil {
		return nil
	}
	return k.made(r, t)
}

// itself is the attribute of a type that gives its own identifier.
func itself(name string) func(*Room, thing) map[string]any {
	return func(_ *Room, t thing) map[string]any { return map[string]any{name: t.ID, "VpcId": t.VPC} }
}

// kinds returns the kinds by resource type.
func kinds() map[string]kind {
	return map[string]kind{
		"AWS::EC2::VPC": {name: kindVPC, prefix: "vpc-", fixed: []string{"CidrBlock", "Ipv4IpamPoolId", "Ipv4NetmaskLength"},
			check: checkVPC, made: madeVPC, busy: busyVPC, attributes: attributesVPC},
		"AWS::EC2::VPCCidrBlock": {name: kindBlock, prefix: "vpc-cidr-assoc-", fixed: []string{"VpcId", "CidrBlock", "AmazonProvidedIpv6CidrBlock", "Ipv4IpamPoolId",
			"Ipv4NetmaskLength", "Ipv6CidrBlock", "Ipv6CidrBlockNetworkBorderGroup", "Ipv6IpamPoolId", "Ipv6NetmaskLength", "Ipv6Pool"},
			check: checkBlock},
		"AWS::EC2::Subnet": {name: kindSubnet, prefix: "subnet-", fixed: []string{"AvailabilityZone", "AvailabilityZoneId", "CidrBlock", "VpcId", "Ipv4IpamPoolId",
			"Ipv4NetmaskLength", "Ipv6IpamPoolId", "Ipv6Native", "Ipv6NetmaskLength", "OutpostArn"},
			check: checkSubnet, busy: busySubnet, attributes: attributesSubnet},
		"AWS::EC2::RouteTable": {name: kindTable, prefix: "rtb-", fixed: []string{"VpcId"}, check: checkInVPC, busy: busyTable,
			attributes: itself("RouteTableId")},
		"AWS::EC2::SubnetRouteTableAssociation": {name: kindAssociation, prefix: "rtbassoc-", fixed: []string{"SubnetId"}, check: checkAssociation},
		"AWS::EC2::Route": {name: kindRoute, id: routeID, fixed: []string{"RouteTableId", "DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId"},
			check: checkRoute, attributes: func(_ *Room, t thing) map[string]any {
				return map[string]any{"CidrBlock": t.text("DestinationCidrBlock")}
			}},
		"AWS::EC2::InternetGateway":      {name: kindInternet, prefix: "igw-", busy: busyInternet, attributes: itself("InternetGatewayId")},
		"AWS::EC2::VPCGatewayAttachment": {name: kindAttachment, id: attachmentID, fixed: []string{"VpcId"}, check: checkAttachment, busy: busyAttachment, attributes: attributesAttachment},
		"AWS::EC2::EIP": {name: kindAddress, prefix: "eipalloc-", fixed: []string{"Address", "Domain", "IpamPoolId", "NetworkBorderGroup", "TransferAddress"},
			busy: busyAddress, ref: address, attributes: attributesAddress},
		"AWS::EC2::NatGateway": {name: kindNAT, prefix: "nat-", fixed: []string{"AllocationId", "AvailabilityMode", "ConnectivityType", "PrivateIpAddress", "SubnetId", "VpcId"},
			slow: always, check: checkNAT, made: madeInterfaces, attributes: attributesNAT},
		"AWS::EC2::SecurityGroup": {name: kindGroup, prefix: "sg-", fixed: []string{"GroupDescription", "GroupName", "VpcId"},
			check: checkGroup, made: madeGroup, remade: true, busy: busyGroup, attributes: itself("GroupId")},
		"AWS::EC2::SecurityGroupIngress": {name: kindIngress, prefix: "sgr-", fixed: ruleProperties, check: checkRule},
		"AWS::EC2::SecurityGroupEgress":  {name: kindEgress, prefix: "sgr-", fixed: ruleProperties, check: checkRule},
		"AWS::EC2::VPCEndpoint": {name: kindEndpoint, prefix: "vpce-", fixed: []string{"ServiceName", "VpcEndpointType", "VpcId", "ServiceRegion",
			"ResourceConfigurationArn", "ServiceNetworkArn"},
			slow: isInterface, check: checkEndpoint, made: madeInterfaces, remade: true, attributes: attributesEndpoint},
		"AWS::EC2::FlowLog": {name: kindFlowLog, prefix: "fl-", fixed: []string{"DeliverCrossAccountRole", "DeliverLogsPermissionArn", "DestinationOptions", "LogDestination", "LogDestinationType",
			"LogFormat", "LogGroupName", "MaxAggregationInterval", "ResourceId", "ResourceType", "TrafficType"}},
	}
}

func always(thing) bool { return true }
