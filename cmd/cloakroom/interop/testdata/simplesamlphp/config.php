<?php
// SimpleSAMLphp as an identity provider. INTEROP_SELF is its own address, INTEROP_DIR a folder for keys, sessions and
// logs, INTEROP_TRUSTED the hosts it may send a browser on to after signing out.
$dir = getenv('INTEROP_DIR') . '/';
$config = [
    'baseurlpath' => getenv('INTEROP_SELF') . '/',
    'certdir' => $dir,
    'loggingdir' => $dir,
    'datadir' => $dir,
    'tempdir' => $dir . 'tmp',
    'metadatadir' => __DIR__ . '/metadata/',
    'attributenamemapdir' => '/etc/simplesamlphp/attributemap/',
    'technicalcontact_email' => 'na@example.org',
    'timezone' => 'UTC',
    'secretsalt' => 'of this test alone',
    'auth.adminpassword' => bin2hex(random_bytes(16)),
    'admin.checkforupdates' => false,
    'trusted.url.domains' => explode(' ', getenv('INTEROP_TRUSTED')),
    'showerrors' => true,
    'errorreporting' => false,
    'logging.level' => SimpleSAML\Logger::INFO,
    'logging.handler' => 'file',
    'logging.logfile' => 'simplesamlphp.log',
    'statistics.out' => [],
    'enable.saml20-idp' => true,
    'module.enable' => ['exampleauth' => true, 'core' => true, 'saml' => true],
    'session.cookie.secure' => false, // plain http here, and with it no SameSite=None
    'session.cookie.samesite' => null,
    'session.phpsession.savepath' => $dir,
    'session.phpsession.cookiename' => 'SimpleSAML',
    'language.cookie.secure' => false,
    'language.cookie.samesite' => null,
    'language.available' => ['en'],
    'language.default' => 'en',
    'store.type' => 'phpsession',
    'production' => true,
];
