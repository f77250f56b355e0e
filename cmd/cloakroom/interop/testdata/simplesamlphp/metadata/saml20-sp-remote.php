<?php
// The broker's metadata by URL, through SimpleSAMLphp's own parser. INTEROP_SPS maps each address to what an administrator
// sets beside it.
foreach (json_decode(getenv('INTEROP_SPS'), true) as $url => $settings) {
    $xml = @file_get_contents($url);
    if ($xml === false) {
        continue; // not connected yet
    }
    $entity = \SimpleSAML\Metadata\SAMLParser::parseString($xml);
    $metadata[$entity->getEntityId()] = $settings + $entity->getMetadata20SP();
}
