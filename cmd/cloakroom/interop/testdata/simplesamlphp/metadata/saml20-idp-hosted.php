<?php
$metadata[getenv('INTEROP_SELF') . '/idp'] = [
    'host' => '__DEFAULT__',
    'privatekey' => 'idp.pem',
    'certificate' => 'idp.crt',
    'auth' => 'people',
    'SingleSignOnServiceBinding' => ['urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect', 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST'],
    'SingleLogoutServiceBinding' => ['urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect', 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST'],
    'NameIDFormat' => ['urn:oasis:names:tc:SAML:2.0:nameid-format:persistent', 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient'],
    'saml20.sign.assertion' => true,
    'validate.authnrequest' => true, // also what its metadata says: WantAuthnRequestsSigned
    'redirect.validate' => true,
    'sign.logout' => true,
    'validate.logout' => true,
    'authproc' => [
        3 => ['class' => 'saml:PersistentNameID', 'attribute' => 'uid'],
        90 => ['class' => 'core:AttributeMap', 'name2oid'],
    ],
    'attributes.NameFormat' => 'urn:oasis:names:tc:SAML:2.0:attrname-format:uri',
];
