<?php
$config = [
    'people' => [
        'exampleauth:UserPass',
        'ada:ada' => [
            'uid' => ['ada'], 'mail' => ['ada@saml.example'], 'givenName' => ['Ada'], 'sn' => ['Byron'], 'displayName' => ['Ada Byron'],
            'eduPersonAffiliation' => ['member', 'staff'],
        ],
    ],
];
